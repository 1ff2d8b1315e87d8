"""Figures that no run measures: what the project promises, and what its peers reached."""

from dataclasses import dataclass

PEERS_MEASURED = "peers (measured 2026-11-23 on another machine)"
MEMORY_GROWTH_ALLOWED = 1.2


@dataclass(frozen=True, slots=True)
class Target:
    """`bound` is the most that is allowed, or the least when `at_least`.

    `limit_there` is what the bare limit took on the machine that the bound was set on, and `waiting` the part of both
    that no machine makes shorter.
    """

    bound: float
    at_least: bool = False
    limit_there: float | None = None
    waiting: float = 0.0

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def here(self, limit: float | None) -> float | None:
        """The bound on a machine where the limit takes `limit`, if it is slower than the one the bound was set on.

        What the bound allows beside the waiting grows as what the limit takes beside it.
        """
        if limit is None or self.limit_there is None or limit <= self.limit_there:
            return None
        slower = (limit - self.waiting) / (self.limit_there - self.waiting)
        return self.waiting + (self.bound - self.waiting) * slower

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


TARGETS = {
    "start.first_answer": Target(1.2, limit_there=0.62),
    "start.idle_rss": Target(130),
    "start.environment": Target(200),
    "start.help": Target(0.3),
    "http.create.one.c1.rate": Target(450, at_least=True),
    "http.create.one.c1.p99": Target(40),
    "http.create.one.c8.rate": Target(450, at_least=True),
    "http.create.one.c8.p99": Target(40),
    "http.create.spread.c1.rate": Target(450, at_least=True),
    "http.create.spread.c1.p99": Target(40),
    "http.create.spread.c8.rate": Target(450, at_least=True),
    "http.create.spread.c8.p99": Target(40),
    "http.list.c1.p50": Target(2),
    "evaluation.c20.wall": Target(3.5, limit_there=2.92, waiting=2.5),
    "evaluation.c20.cpu": Target(2),
    "evaluation.c20.peak": Target(120),
    "evaluation.c100.wall": Target(2, limit_there=0.89, waiting=0.5),
    "evaluation.c100.cpu": Target(2),
    "evaluation.c100.peak": Target(120),
    "libsql.read.requests": Target(1),
    "libsql.write.requests": Target(2),
    "libsql.bulk.requests": Target(6),
    "libsql.burst.slow": Target(0.4),
    "evaluation.flat.peak": Target(120),
    "evaluation.flat.growth": Target(MEMORY_GROWTH_ALLOWED),
}

PEERS = {
    "start.first_answer": "MLflow 4.7, Phoenix 8.0",
    "start.idle_rss": "MLflow 486, Phoenix 435",
    "start.idle_pss": "MLflow 406, Phoenix 429",
    "start.environment": "MLflow 799, Phoenix 808",
    "start.help": "promptfoo 1.39, MLflow 3.02, Phoenix 7.70",
    "http.get.one.c1.p50": "MLflow 7.3, Phoenix 5.0",
    "http.get.one.c1.p99": "MLflow 16.9, Phoenix 12.0",
    "http.get.one.c16.rate": "MLflow 86, Phoenix 193",
    "http.get.one.c16.p50": "MLflow 180, Phoenix 79",
    "http.get.one.c16.p99": "MLflow 359, Phoenix 133",
    "http.get.one.c16.cpu": "MLflow 13,070, Phoenix 5,113",
    "http.get.spread.c16.rate": "MLflow 90, Phoenix 139",
    "http.get.spread.c16.p50": "MLflow 142, Phoenix 111",
    "http.get.spread.c16.p99": "MLflow 1,064, Phoenix 288",
    "http.get.spread.c16.cpu": "MLflow 11,535, Phoenix 6,031",
    "http.list.c1.p50": "MLflow 66, Phoenix 10.2",
    "http.list.c1.p99": "MLflow 96, Phoenix 16.0",
    "http.list.c16.rate": "MLflow 10, Phoenix 121",
    "http.list.c16.p50": "MLflow 1,365, Phoenix 131",
    "http.list.c16.p99": "MLflow 1,832, Phoenix 192",
    "http.list.c16.cpu": "MLflow 99,000, Phoenix 7,295",
    "http.create.one.c1.rate": "MLflow 98, Phoenix 149 (synchronous=OFF)",
    "http.create.one.c1.p50": "MLflow 9.7, Phoenix 5.9",
    "http.create.one.c1.p99": "MLflow 22, Phoenix 69",
    "http.create.one.c8.rate": "MLflow 99, Phoenix 153 (synchronous=OFF)",
    "http.create.one.c8.p50": "MLflow 36, Phoenix 51",
    "http.create.one.c8.p99": "MLflow 2,619, Phoenix 81",
    "http.create.spread.c1.rate": "MLflow 33, Phoenix 169 (synchronous=OFF)",
    "http.create.spread.c1.p50": "MLflow 29.5, Phoenix 5.5",
    "http.create.spread.c1.p99": "MLflow 50.6, Phoenix 37.7",
    "http.create.spread.c8.rate": "MLflow 47, Phoenix 181 (synchronous=OFF)",
    "http.create.spread.c8.p50": "MLflow 87, Phoenix 43",
    "http.create.spread.c8.p99": "MLflow 2,157, Phoenix 95",
    "evaluation.c20.wall": "promptfoo 12.7, inspect-ai 19.8, MLflow 74.0",
    "evaluation.c20.ideal": "promptfoo 5.1, inspect-ai 7.9, MLflow 30",
    "evaluation.c20.cpu": "promptfoo 12.1, inspect-ai 19.6, MLflow 73.9",
    "evaluation.c20.peak": "promptfoo 327, inspect-ai 220, MLflow 570",
    "evaluation.c100.wall": "promptfoo 8.5, inspect-ai 19.5, MLflow 75.6",
    "evaluation.c100.ideal": "promptfoo 17, inspect-ai 39, MLflow 151",
    **{
        f"http.create.{kind}.cpu": "MLflow 8,900 to 11,600, Phoenix 5,500 to 6,300"
        for kind in ("one.c1", "one.c8", "spread.c1", "spread.c8")
    },
}
