"""The same work as others do it, written from its description, with our decoder and our weights where it has them."""
