#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""wheel.py DIR MODULES - DIR/manymods-1.0-py3-none-any.whl, a wheel of many small modules"""
import base64
import hashlib
import sys
import zipfile

out, n = sys.argv[1], int(sys.argv[2])
info = "manymods-1.0.dist-info"
record = []
with zipfile.ZipFile(f"{out}/manymods-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
    def add(name, text):
        data = text.encode()
        z.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(data)}")
    for i in range(n):
        sub = f"manymods/sub{i % 9}"
        if i < 9:
            add(f"{sub}/__init__.py", "")
        add(f"{sub}/mod{i}.py", f"VALUE = {i}\n" + f"def f(x):\n    return x + {i}\n" * (i % 20))
    add("manymods/__init__.py", "def main():\n    print('main')\n")
    add(f"{info}/METADATA", "Metadata-Version: 2.1\nName: manymods\nVersion: 1.0\n")
    add(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    add(f"{info}/entry_points.txt", "[console_scripts]\nmanymods = manymods:main\n")
    z.writestr(f"{info}/RECORD", "\n".join(record + [f"{info}/RECORD,,", ""]))
