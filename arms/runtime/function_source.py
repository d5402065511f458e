"""Where trees of Python sources define a function, and as what: read, never imported.

``python function_source.py NAME PACKAGE TREE…``: a tree is a wheel, or a folder with the package in it. Prints a
JSON list, for each tree ``matches`` (``file``, ``name`` as it is nested, ``line``, ``source`` as the file has it,
``code`` a hash of the syntax tree, which comments and layout leave alone) and ``names``, all that it defines.
"""

import ast
import hashlib
import json
import os
import sys
import zipfile


def sources(tree, package):
    """Pairs of path, with ``/``, and bytes of the package's modules."""
    if os.path.isfile(tree):
        with zipfile.ZipFile(tree) as wheel:
            for name in sorted(wheel.namelist()):
                if name.startswith(package + "/") and name.endswith(".py"):
                    yield name, wheel.read(name)
        return
    for folder, folders, files in os.walk(os.path.join(tree, package)):
        folders.sort()
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                with open(path, "rb") as stream:
                    yield os.path.relpath(path, tree).replace(os.sep, "/"), stream.read()


def functions(node, prefix=""):
    """Every function and method with its nested name, outermost first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + child.name, child
            yield from functions(child, prefix + child.name + ".")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, prefix + child.name + ".")
        else:
            yield from functions(child, prefix)


def found(tree, package, wanted):
    matches, names = [], set()
    for path, data in sources(tree, package):
        try:
            module = ast.parse(data)
        except SyntaxError:
            continue  # a template, or for another Python
        lines = data.splitlines(keepends=True)
        for name, node in functions(module):
            names.add(name)
            if name != wanted and not name.endswith("." + wanted):
                continue
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            text = b"".join(lines[first - 1 : node.end_lineno])
            code = hashlib.sha256(ast.dump(node).encode()).hexdigest()
            source = text.decode("utf-8", "replace")
            sha256 = hashlib.sha256(text).hexdigest()
            matches.append(
                {"file": path, "name": name, "line": first, "source": source, "sha256": sha256, "code": code}
            )
    return {"matches": matches, "names": sorted(names)}


if __name__ == "__main__":
    _, wanted, package, *trees = sys.argv
    json.dump([found(tree, package, wanted) for tree in trees], sys.stdout)
