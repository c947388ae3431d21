"""Whether a potential is a material: what follows from it, beside what is known, and a verdict on each.

`plan.py` puts the work together and does it; each check is a module of `checks/`.
"""
