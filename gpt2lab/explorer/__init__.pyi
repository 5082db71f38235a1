# The names of the package and their modules: read by lazy_loader, by editors and by type checkers.
from .explorer import Explorer as Explorer
from .roles import head_scores as head_scores
from .translating import SourceAndTarget as SourceAndTarget
