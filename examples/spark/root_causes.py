"""Counts root causes by repository and day, with `doctor ... --ndjson` in every Spark task.

    spark-submit root_causes.py DATA OUT decode
    spark-submit root_causes.py DATA OUT policy test --policy policy.json --oidc-org acme
    spark-submit root_causes.py DATA OUT triage

DATA is JSON Lines or Parquet, with `token` (`claims` for `policy test`, `log` for `triage`) and any of
`id`, `repository` and `day`. OUT gets `items` (Parquet, a row for each item) and `table` (JSON Lines).
"""

import argparse
import json
import subprocess

import pandas as pd
from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

# The fields that each command judges, with their types.
JUDGED = {"decode": {"token": str}, "policy": {"token": str, "claims": dict}, "triage": {"log": str}}
LABELS = ["id", "repository", "day"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--doctor", default="doctor", help="the program; ./doctor after spark-submit --files doctor")
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("command", choices=JUDGED)
    parser.add_argument("options", nargs=argparse.REMAINDER, help="the rest of doctor's command line")
    args = parser.parse_args()

    spark = SparkSession.builder.appName("root causes").getOrCreate()
    # A worker holds one batch in memory.
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 1000)
    command = [args.doctor, args.command, *args.options, "--ndjson", "-"]
    lines = read_lines(spark, args.data)
    columns = "id string, repository string, day string, root_cause string"
    items = lines.mapInPandas(judge_with(command, JUDGED[args.command]), columns)
    items.write.parquet(f"{args.out}/items")

    # Read back, so that the doctor runs once.
    items = spark.read.parquet(f"{args.out}/items")
    columns = ["repository", "day", "root_cause"]
    table = items.groupBy(columns).count().orderBy(F.desc("count"), *columns)
    table.coalesce(1).write.json(f"{args.out}/table", ignoreNullFields=False)
    table.where(F.col("root_cause") != "none").show(20, truncate=False)
    spark.stop()


def read_lines(spark, data):
    """The data set as JSON Lines, in a column `value`. Spark does not parse them: it would drop what is not JSON."""
    if data.rstrip("/").endswith(".parquet"):
        return spark.read.parquet(data).select(F.to_json(F.struct("*")).alias("value"))
    return spark.read.text(data, lineSep="\n").where(F.trim("value") != "")


def judge_with(command, judged):
    def judge(batches):
        for batch in batches:
            # The files of spark-submit --files are there.
            yield pd.DataFrame(answers(command, judged, batch["value"], SparkFiles.getRootDirectory()))

    return judge


def answers(command, judged, lines, directory):
    requests = [request(line, judged) for line in lines]
    if not requests:
        return
    stdin = "".join(json.dumps(item) + "\n" for item, _ in requests)
    run = subprocess.run(command, input=stdin, capture_output=True, text=True, encoding="utf-8", cwd=directory)
    found = run.stdout.splitlines()
    # An error fails the task, and Spark runs it again. Messages of the doctor hold no secrets.
    if run.returncode != 0 or len(found) != len(requests):
        raise RuntimeError(f"doctor: status {run.returncode}, {len(found)} of {len(requests)} items: {run.stderr}")
    for answer, (_, readable) in zip(map(json.loads, found), requests):
        labels = answer.get("id")
        cause = root_cause(answer) if readable and labels else "bad-line"
        yield {**{label: (labels or {}).get(label) for label in LABELS}, "root_cause": cause}


def root_cause(answer):
    policy = answer.get("policy") or {"source": "none"}
    undecided = policy["source"] != "none" and policy["decision"] == "unknown"
    return answer["rootCause"] or ("undecided" if undecided else "none")


def request(line, judged):
    """What the doctor gets for a line, and whether the line holds what is to be judged."""
    try:
        item = json.loads(line)
    except ValueError:
        item = None
    item = item if isinstance(item, dict) else {}
    content = {name: item[name] for name, kind in judged.items() if isinstance(item.get(name), kind)}
    # The labels travel as the id: the doctor escapes control characters in it and removes secrets.
    labels = {label: None if item.get(label) is None else str(item[label]) for label in LABELS}
    return {"id": labels, **(content or dict.fromkeys(judged, ""))}, bool(content)


if __name__ == "__main__":
    main()
