/** The settings that the container is handed. Those that are no secret stand in wrangler.jsonc. */
const NAMES = [
  // generated: variables
  "APP_NAME",
  "APP_ENV",
  "DEBUG",
  "LOG_LEVEL",
  "HOST",
  "PORT",
  "MAX_BODY_BYTES",
  "MAX_IMPORT_BYTES",
  "TURSO_DATABASE_URL",
  "TURSO_AUTH_TOKEN",
  "REDIS_URL",
  "REDIS_HOST",
  "REDIS_PORT",
  "REDIS_PASSWORD",
  "REDIS_DB",
  "REDIS_TLS",
  "REDIS_CACHE_TTL",
  "CLERK_SECRET_KEY",
  "CLERK_PUBLISHABLE_KEY",
  "JWT_SECRET_KEY",
  "JWT_ALGORITHM",
  "JWT_ACCESS_TOKEN_EXPIRE_MINUTES",
  "CORS_ORIGINS",
  "CORS_CREDENTIALS",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_BASE_URL",
  "LLM_BASE_URLS",
  "LANGFUSE_PUBLIC_KEY",
  "LANGFUSE_SECRET_KEY",
  "LANGFUSE_BASE_URL",
  // end of generated
] as const;

type Settings = Record<string, string>;

/** What the Worker was deployed with; what is absent stays absent, so that the server's default holds. */
export function settingsOf(env: object): Settings {
  const given = env as Record<string, unknown>;
  const settings: Settings = {};
  for (const name of NAMES) {
    const value = given[name];
    if (typeof value === "string" && value !== "") settings[name] = value;
  }
  // The port that the Worker asks, and every address: the container has a network of its own.
  return { ...settings, HOST: "0.0.0.0", PORT: "8000" };
}

/** Tells whether two containers would be started alike, without keeping any value. */
export async function fingerprint(settings: Settings): Promise<string> {
  const sorted = JSON.stringify(Object.entries(settings).sort());
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sorted));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
