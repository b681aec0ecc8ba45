"""A writer of a SQLite file that is killed in the middle of a transaction."""

import subprocess
import sys
from pathlib import Path

_CODE = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE studies SET study_name = 'half written'")
connection.execute("CREATE TABLE filler (content BLOB)")
for _ in range(50):
    connection.execute("INSERT INTO filler VALUES (zeroblob(50000))")
os.kill(os.getpid(), 9)
"""


def leave_a_journal(path: Path) -> None:
    """Have half of a transaction in a database, and beside it the journal that takes it back."""
    subprocess.run([sys.executable, "-c", _CODE, str(path)], check=False)
    assert path.with_name(path.name + "-journal").exists()
