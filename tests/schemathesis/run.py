"""Fuzzes a fresh pinning service by the description that it gives of itself: run.py HOLDFAST, in schemathesis' environment.

Both APIs are called with valid and invalid requests made from /api/openapi.json. A 5xx answer, or one that the description
does not allow, is a failure; so is a service that has ended meanwhile.
"""

import json
import os
import subprocess
import sys
import tempfile

# What is refused and what is not is for the service's own tests to say: it takes some requests that the description does
# not promise (other spellings, members it does not know), and answers others that look valid with 404 or 409.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "200")


def fuzz(server, tag, headers):
    schemathesis = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    command = [schemathesis, "run", f"{server['endpoint']}/openapi.json", "--url", server["gateway"]]
    command += ["--include-tag", tag, "--checks", CHECKS, "--max-examples", EXAMPLES, "--continue-on-failure"]
    command += ["--suppress-health-check", "all", "--generation-database", "none", "--no-color", "--warnings", "off"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return subprocess.run(command).returncode


def main():
    with tempfile.TemporaryDirectory() as home:
        serve = [sys.argv[1], "--home", home, "serve", "--json"]
        with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
            try:
                server = json.loads(process.stdout.readline())
                keys = {"pinning_api_key": server["key"], "pinning_secret_key": server["secret"]}
                failed = fuzz(server, "aioz", keys)
                failed |= fuzz(server, "psa", {"Authorization": f"Bearer {server['token']}"})
                if process.poll() is not None:
                    print(f"the service ended with {process.returncode}")
                    failed = 1
            finally:
                process.terminate()
    return failed


sys.exit(main())
