"""SQLAlchemy on a libSQL server over HTTP: `create_engine("libsql://host", connect_args={"auth_token": …})`.

address.py    which server a URL or a setting names
transport.py  one HTTP request: keep-alive, time limits, no secret in sight
driver.py     what we use of turso-serverless: its stream protocol and its values
stream.py     transactions on a server stream, and how they are lost
dbapi.py      connections and cursors (PEP 249)
dialect.py    the dialect
errors.py     the exceptions
"""
