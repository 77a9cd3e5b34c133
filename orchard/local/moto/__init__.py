"""What moto is taught beside what it knows."""
