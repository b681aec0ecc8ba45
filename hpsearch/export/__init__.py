"""What leaves a study: bundles of files, and the test score that only a selected trial gets."""
