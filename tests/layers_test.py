#!/usr/bin/env python3
"""Checks that every #include of src/ points to a room on a lower line of src/LAYERS, and that every room has a README."""
import pathlib, re, sys

root = pathlib.Path(sys.argv[1])
src = root / "src"
layer = {}
for number, line in enumerate((src / "LAYERS").read_text().splitlines()):
    for room in line.split("#")[0].split():
        layer[room] = number

errors = []
for path in sorted([*src.rglob("*.h"), *src.rglob("*.cc")]):
    room = path.relative_to(src).parts[0]
    if room not in layer:
        errors.append(f"{path.relative_to(root)}: room {room} is not in src/LAYERS")
        continue
    for number, text in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"/]+)/', text)
        if not match or match[1] == room:
            continue
        if match[1] not in layer:
            errors.append(f"{path.relative_to(root)}:{number}: {match[1]} is not a room")
        elif layer[match[1]] >= layer[room]:
            errors.append(f"{path.relative_to(root)}:{number}: {room} may not include {match[1]}")
for room in sorted({p.relative_to(src).parts[0] for p in src.rglob("*.cc")}):
    if not (src / room / "README.md").exists():
        errors.append(f"src/{room}: no README.md")
for header in sorted((root / "include/neurallog").glob("*.h")):
    for number, text in enumerate(header.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"/]+)/', text)
        if match and match[1] != "neurallog":
            errors.append(f"include/neurallog/{header.name}:{number}: a public header may not include {match[1]}")

print("\n".join(errors) or "layers ok")
sys.exit(1 if errors else 0)
