"""Studies for those who look at them in TensorBoard or MLflow. What they call a run is a trial here."""
