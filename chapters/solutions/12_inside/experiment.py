def my_experiment():
    """Guess: in ten copying models, layer 0's looks one back are needed, its looks three back are not."""
    runs = inside_table()["two_layers"]
    prediction = (0.9, 1.0)  # letters lost when looks one back are cut
    intervention = [run["accuracy"] - run["layer_0_cut"][0] for run in runs]
    control = [run["accuracy"] - run["layer_0_cut"][2] for run in runs]
    verdict = "undecided"  # eight models lose nearly all letters; seeds 2 and 3 do not
    return dict(prediction=prediction, intervention=intervention, control=control, verdict=verdict)


check.experiment(my_experiment)
