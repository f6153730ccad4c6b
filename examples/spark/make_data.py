"""Makes a data set to try root_causes.py with: `make_data.py tokens|logs N FILE`, FILE ending in .ndjson or .parquet.

The same seed gives the same items. An id ends with the kind of the item. The signatures are random text.
"""

import argparse
import base64
import datetime
import json
import random
import string

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "urn:pulumi:org:acme"
BASE64URL = string.ascii_letters + string.digits + "-_"
YEAR_2100 = 4102444800

# Of a thousand items; the rest is healthy.
TOKENS = {"expired": 150, "audience": 100, "truncated": 40, "null": 10, "broken": 1}
LOGS = {"rejected": 100, "unset": 50, "leak": 5, "broken": 1}
FAILURES = {
    "rejected": 'error: OIDC token exchange failed: {"error":"access_denied","error_description":"access denied"}',
    "unset": "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["tokens", "logs"])
    parser.add_argument("count", type=int)
    parser.add_argument("file")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    made = items(args.what, args.count, random.Random(args.seed))
    if args.file.endswith(".parquet"):
        import pandas as pd

        field = args.what.removesuffix("s")
        pd.DataFrame(item | {field: None} if kind == "broken" else item for item, kind in made).to_parquet(args.file)
        return
    with open(args.file, "w", encoding="utf-8") as file:
        for item, kind in made:
            line = json.dumps(item)
            # Cut inside an object, as by a full disk.
            file.write((line[:-2] if kind == "broken" else line) + "\n")


def items(what, count, rng):
    """Each item with its kind. A broken one is null in Parquet, which has no broken lines."""
    shares, field, make = (TOKENS, "token", token) if what == "tokens" else (LOGS, "log", log)
    signatures = ["".join(rng.choices(BASE64URL, k=342)) for _ in range(64)]
    kinds = rng.choices([*shares, "healthy"], [*shares.values(), 1000 - sum(shares.values())], k=count)
    for number, kind in enumerate(kinds):
        repository = f"acme/app-{rng.randrange(20)}"
        day = datetime.date(2026, 11, 1) + datetime.timedelta(rng.randrange(30))
        text = make(kind, repository, rng.choice(signatures), rng)
        item = {"id": f"{number}-{kind}", "repository": repository, "day": str(day), field: text}
        yield item, kind


def token(kind, repository, signature, rng):
    if kind == "null":
        return "null"
    claims = {
        "iss": ISSUER,
        "aud": "sts.amazonaws.com" if kind == "audience" else AUDIENCE,
        "sub": f"repo:{repository}:ref:refs/heads/main",
        "exp": 1793000000 if kind == "expired" else YEAR_2100,
        "iat": 1792999700,
        "run_id": str(rng.randrange(10**10)),
    }
    signed = ".".join(encoded(part) for part in ({"alg": "RS256", "kid": "key-1"}, claims))
    return signed[: -rng.randrange(20, 120)] if kind == "truncated" else f"{signed}.{signature}"


def log(kind, repository, signature, rng):
    lines = [f"[{rng.randrange(100):3}%] compiling module-{rng.randrange(1000)}" for _ in range(rng.randrange(10, 60))]
    lines.append("$ pulumi login --oidc-token $TOKEN --oidc-org acme")
    if kind == "leak":
        lines.append(f"TOKEN={token('healthy', repository, signature, rng)}")
    lines.append(FAILURES.get(kind, "Logged in to pulumi.com as ci-bot (https://app.pulumi.com/ci-bot)"))
    return "\n".join(lines) + "\n"


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
