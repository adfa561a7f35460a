"""Rules that the code keeps: layers, owners of heavy imports, thin doors, sizes, names and pins."""
