"""Print, as a JSON list, what an environment has installed and where each package came from.

Run as ``python -I list_packages.py`` by the environment's own interpreter. It changes and imports nothing of it.
"""

import importlib.metadata
import json
import os
import re
import sys


def origin(distribution):
    """``index``, ``editable``, ``folder`` or ``address``: PEP 610, and conda's own mark."""
    installer = (distribution.read_text("INSTALLER") or "").strip()
    text = distribution.read_text("direct_url.json")
    # conda builds its packages from folders of its own, and says so in direct_url.json.
    if text is None or installer == "conda":
        return "index"
    try:
        direct = json.loads(text)
    except ValueError:
        return "address"
    if "dir_info" in direct:
        return "editable" if direct["dir_info"].get("editable") else "folder"
    return "folder" if str(direct.get("url", "")).startswith("file:") else "address"


def installed():
    seen = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        # The first one found is the one that is imported. A half-removed distribution has no name.
        if not name:
            continue
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        # The metadata of an old editable install is in the folder of its sources, which is on the path.
        place = os.path.basename(os.path.dirname(str(getattr(distribution, "_path", ""))))
        is_develop = place not in ("site-packages", "dist-packages", "")
        seen[key] = {
            "name": key,
            "version": distribution.version,
            "origin": "editable" if is_develop else origin(distribution),
        }
    return sorted(seen.values(), key=lambda each: each["name"])


json.dump(installed(), sys.stdout)
