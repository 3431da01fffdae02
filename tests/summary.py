#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""summary.py BUILD...: counts the results that `meson test` left in each build folder, names what
failed or was skipped, and closes with one line. TAP results are counted one by one."""
import glob
import json
import re
import sys

passed = failed = skipped = 0
for build in sys.argv[1:]:
    logs = sorted(glob.glob(f"{build}/meson-logs/testlog*.json"))
    if not logs:
        print(f"{build}: no test log")
        failed += 1
    for name in logs:
        for line in open(name, encoding="utf-8"):
            test = json.loads(line)
            points = re.findall(r"^(not ok|ok)\b([^\n]*)", test.get("stdout", ""), re.M)
            skips = [rest for ok, rest in points if re.search(r"#\s*skip", rest, re.I)]
            bad = [rest for ok, rest in points if ok == "not ok" and rest not in skips]
            if not points:
                skips = [""] if test["result"] == "SKIP" else []
                bad = [""] if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") else []
            elif test["result"] not in ("OK", "SKIP") and not bad:
                bad = [" (the program ended with " + test["result"] + ")"]
            for rest in skips:
                print(f"skipped: {build}: {test['name']}{rest}")
            for rest in bad:
                print(f"FAILED: {build}: {test['name']}{rest}")
            skipped += len(skips)
            failed += len(bad)
            passed += max(len(points), 1) - len(skips) - len(bad)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
