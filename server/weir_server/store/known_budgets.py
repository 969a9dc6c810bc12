"""Which budgets does a call count for? From memory: each call asks, and few have any."""

from collections.abc import Iterable, Mapping, Sequence

from weir_server.core.ledger import Budget, Scope

_NONE: tuple[Budget, ...] = ()


class KnownBudgets:
    """All budgets, by whom they count. Replaced as a whole."""

    def __init__(self, budgets: Iterable[Budget] = ()) -> None:
        self.by_name: dict[str, Budget] = {}
        self._by_subject: dict[tuple[Scope, str], tuple[Budget, ...]] = {}
        self._has_labels = False
        for budget in sorted(budgets, key=lambda each: each.name):
            self.by_name[budget.name] = budget
            subject = budget.scope, budget.subject
            self._by_subject[subject] = (*self._by_subject.get(subject, ()), budget)
            self._has_labels = self._has_labels or budget.scope is Scope.LABEL

    def of(self, *, tenant: str, key: str, labels: Mapping[str, str]) -> Sequence[Budget]:
        """Return the budgets that such a call counts for, by name."""
        if not self.by_name:
            return _NONE
        found = [*self._of(Scope.TENANT, tenant), *self._of(Scope.KEY, key)]
        if self._has_labels:
            for label, value in labels.items():
                found += self._of(Scope.LABEL, f"{label}={value}")
        return sorted(found, key=lambda each: each.name) if len(found) > 1 else found

    def any_hard(self, names: Iterable[str]) -> bool:
        """Say whether one of these budgets is hard; one that is not known counts as hard."""
        return any((budget := self.by_name.get(name)) is None or budget.hard for name in names)

    def _of(self, scope: Scope, subject: str) -> tuple[Budget, ...]:
        return self._by_subject.get((scope, subject), _NONE) if subject else _NONE
