"""The report of a pool: one HTML file for people, without scripts and without a network.

`page` puts it together; markup.py has the few kinds of element that it is made of, levels.py what
is told of a guest type's level, vms.py what is told of VMs on hosts. The page's frame and style are
data/report/page.html and page.css.
"""

from .page import page

__all__ = ["page"]
