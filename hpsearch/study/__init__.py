"""What is asked: study files and specs, spaces and the parameters drawn from them, configurations of trials."""
