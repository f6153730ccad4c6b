"""Compares root causes from Spark and duckdb with those of one process. tests/spark/run starts it."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPARK = ROOT / "examples/spark"
DOCTOR = os.environ["DOCTOR_PROGRAM"]
POLICY_TEST = ["policy", "test", "--policy", str(SPARK / "policy.json"), "--oidc-org", "acme"]
COUNTS = {"tokens": 100_000, "logs": 20_000}
# The root cause of each kind that make_data.py makes.
CAUSES = {
    "healthy": "none",
    "expired": "none",  # `policy test` does not judge times.
    "audience": "audience-mismatch",
    "truncated": "token-truncated",
    "null": "token-not-a-token",
    "rejected": "exchange-rejected",
    "unset": "token-empty",
    "leak": "none",
    "broken": "bad-line",
}


class Run:
    """One run of root_causes.py: what it wrote, printed and logged."""

    def __init__(self, here, name, data, command, doctor):
        out, events = here / f"{name}-out", here / f"{name}-events"
        events.mkdir()
        configuration = {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": events.as_uri(),
            "spark.local.dir": str(here),
            "spark.ui.enabled": "false",
            # Without the optimizing compiler a run this short takes half the time.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
            # Several partitions, though the data set is small.
            "spark.sql.files.maxPartitionBytes": "8m",
        }
        options = [word for item in configuration.items() for word in ("--conf", "=".join(item))]
        began = time.monotonic()
        run = subprocess.run(
            # The 4 allows failed tasks three more attempts: local[2] alone allows none.
            ["spark-submit", "--master", "local[2,4]", *options, SPARK / "root_causes.py"]
            + ["--doctor", doctor, data.as_uri(), out.as_uri(), *command],
            capture_output=True,
            text=True,
        )
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
        if run.returncode != 0:
            sys.exit(run.stdout + run.stderr)
        self.items = pd.read_parquet(out / "items")
        self.table = rows("".join(file.read_text() for file in (out / "table").glob("part-*")))
        self.log = run.stderr
        self.events = "".join(file.read_text() for file in events.rglob("events_*"))
        written = [file.read_bytes().decode("latin-1") for file in out.rglob("*") if file.is_file()]
        self.texts = [run.stdout, self.log, self.events, *written]

    def tasks(self):
        """The tasks that wrote items, and those that failed."""
        events = [json.loads(line) for line in self.events.splitlines()]
        ends = [event for event in events if event["Event"] == "SparkListenerTaskEnd"]
        failed = [end for end in ends if end["Task End Reason"]["Reason"] != "Success"]
        written = [end["Task Metrics"]["Output Metrics"]["Records Written"] for end in ends if end not in failed]
        # The table is written by one task, and has fewer rows than a task has items.
        return [count for count in written if count > len(self.table)], failed


def main():
    with tempfile.TemporaryDirectory() as directory:
        here = pathlib.Path(directory)
        os.environ["KILLED"] = directory
        tokens, logs = make(here, "tokens", "ndjson"), make(here, "logs", "ndjson")
        token_run = Run(here, "tokens", tokens, POLICY_TEST, ROOT / "tests/spark/kill_once")
        log_run = Run(here, "logs", make(here, "logs", "parquet"), ["triage"], DOCTOR)
        written, failed = token_run.tasks()
        secrets = signature_pieces(tokens) | signature_pieces(logs)

        passed = [
            check("several partitions", len(written) > 4, True),
            check("a killed worker and a killed doctor failed a task each", len(failed), 2),
            check("no token is lost or doubled", ids(token_run.items), ids_made(tokens)),
            check("no log is lost or doubled", ids(log_run.items), ids_made(logs)),
            check("tokens as one process", causes(token_run.items), one_process([*POLICY_TEST, tokens.as_uri()])),
            check("logs as one process", causes(log_run.items), one_process(["triage", str(logs)])),
            check("tokens as they were made", wrong_causes(token_run.items), {}),
            check("logs as they were made", wrong_causes(log_run.items), {}),
            check("tokens: bad lines are counted", bad_lines(token_run.items), broken(tokens)),
            check("logs: bad lines are counted", bad_lines(log_run.items), broken(logs)),
            check("the table of tokens counts the items", token_run.table, table(token_run.items)),
            check("the table of logs counts the items", log_run.table, table(log_run.items)),
            check("duckdb gives the same table", duckdb(tokens, POLICY_TEST), token_run.table),
            check("secrets are found where they are", bool(leaks([tokens.read_text()], secrets)), True),
            check("tokens: no secret in results, log or events", leaks(token_run.texts, secrets), set()),
            check("logs: no secret in results, log or events", leaks(log_run.texts, secrets), set()),
        ]
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    sys.exit(not all(passed))


def check(name, found, expected):
    passed = found == expected
    print(f"ok: {name}" if passed else f"FAILED: {name}: {difference(found, expected)}", flush=True)
    return passed


def difference(found, expected):
    """Large values are told apart by what only one of them holds."""
    if isinstance(found, dict):
        found, expected = found.items(), expected.items()
    if not isinstance(found, (bool, int)):
        found, expected = [x for x in found if x not in expected], [x for x in expected if x not in found]
    return f"found {str(found)[:500]}, expected {str(expected)[:500]}"


def make(here, what, extension):
    file = here / f"{what}.{extension}"
    subprocess.run([sys.executable, SPARK / "make_data.py", what, str(COUNTS[what]), file], check=True)
    return file


def broken(file):
    """How many lines of the file are not JSON."""
    return sum(not line.endswith("}") for line in file.read_text().splitlines())


def ids_made(file):
    """The ids of the readable lines."""
    return sorted(json.loads(line)["id"] for line in file.read_text().splitlines() if line.endswith("}"))


def ids(items):
    return sorted(items[items.root_cause != "bad-line"].id)


def bad_lines(items):
    return int((items.root_cause == "bad-line").sum())


def causes(items):
    """The root cause of each readable item."""
    readable = items[items.root_cause != "bad-line"]
    return dict(zip(readable.id, readable.root_cause))


def one_process(command):
    """The same from one process that reads the whole file. It has no id for a bad line."""
    run = subprocess.run([DOCTOR, *command, "--ndjson"], stdout=subprocess.PIPE, text=True, check=True)
    answers = map(json.loads, run.stdout.splitlines())
    return {answer["id"]: answer["rootCause"] or "none" for answer in answers if "id" in answer}


def wrong_causes(items):
    """The items whose root cause does not fit the kind in their id."""
    return {id: cause for id, cause in causes(items).items() if CAUSES[id.split("-")[1]] != cause}


def table(items):
    counts = items.groupby(["repository", "day", "root_cause"], dropna=False).size().rename("count").reset_index()
    return rows(counts.to_json(orient="records", lines=True))


def rows(lines):
    return sorted((json.loads(line) for line in lines.splitlines()), key=str)


def duckdb(data, command):
    program = ROOT / "examples/duckdb/root_causes"
    return rows(subprocess.run([program, data, *command], stdout=subprocess.PIPE, text=True, check=True).stdout)


def signature_pieces(file):
    """Every 20 characters of a signature in the file: shorter ones may be shown."""
    signatures = set(re.findall(r"eyJ[\w-]+\.eyJ[\w-]+\.([\w-]+)", file.read_text()))
    return {piece for signature in signatures for piece in pieces(signature)}


def leaks(texts, secrets):
    words = (word for text in texts for word in re.findall(r"[\w-]{20,}", text, re.ASCII))
    return {piece for word in words for piece in pieces(word)} & secrets


def pieces(text):
    return (text[start : start + 20] for start in range(len(text) - 19))


if __name__ == "__main__":
    main()
