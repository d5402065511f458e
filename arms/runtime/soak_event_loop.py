"""Run the kernel on the asyncio event loop that the arm names, on Windows.

ipykernel before 7.4 puts a selector loop in place of Windows' default wherever it finds exactly
``WindowsProactorEventLoopPolicy``; from 7.4 on it keeps the default for the main thread. The policy
that is set here for ``proactor`` is a subclass, which both leave alone.
"""

import sys


def choose(name, platform=sys.platform, asyncio=None):
    """Set the policy for ``selector`` or ``proactor``; do nothing for None.

    Raises ``RuntimeError`` elsewhere than on Windows, where there is nothing to choose.
    """
    if name is None:
        return
    if platform != "win32":
        raise RuntimeError(f"the event loop {name} can be chosen on Windows only")
    if asyncio is None:
        import asyncio
    base = {
        "selector": "WindowsSelectorEventLoopPolicy",
        "proactor": "WindowsProactorEventLoopPolicy",
    }[name]
    policy = type("SoakEventLoopPolicy", (getattr(asyncio, base),), {})
    asyncio.set_event_loop_policy(policy())
