import pytest

from orchard.local.moto.patching import entries, replaced


class Fruit:
    name = "apple"

    def colour(self) -> str:
        return "red"


def test_members_are_replaced_for_a_while_and_new_ones_taken_away() -> None:
    with replaced(Fruit, name="pear", colour=lambda self: "green", size=3):
        assert (Fruit.name, Fruit().colour(), Fruit.size) == ("pear", "green", 3)  # type: ignore[attr-defined]

    assert (Fruit.name, Fruit().colour()) == ("apple", "red")
    assert not hasattr(Fruit, "size")


def test_an_inherited_member_is_inherited_again() -> None:
    class Apple(Fruit):
        pass

    with replaced(Apple, name="Braeburn"):
        assert Apple.name == "Braeburn"

    assert "name" not in vars(Apple)


def test_entries_come_back_also_after_an_error() -> None:
    shop = {"apple": 1, "pear": 2}

    changed = entries(shop, {"apple": 5, "pear": None, "plum": 7})
    with pytest.raises(LookupError, match="plum"), changed:
        _fail_in(shop)

    assert shop == {"apple": 1, "pear": 2}


def _fail_in(shop: dict[str, int]) -> None:
    assert shop == {"apple": 5, "plum": 7}
    raise LookupError("plum")
