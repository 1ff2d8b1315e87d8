"""The least that could serve our API: FastAPI, an SQLAlchemy engine, uvicorn. PORT DATABASE"""

import sys

import uvicorn
from fastapi import FastAPI
from sqlalchemy import create_engine

app = FastAPI()
engine = create_engine(f"sqlite:///{sys.argv[2]}")
engine.connect().close()


@app.get("/healthz")
async def get_liveness() -> dict[str, str]:
    return {"status": "ok"}


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    http="httptools",
    ws="none",
    log_config=None,
    access_log=False,
    server_header=False,
)
