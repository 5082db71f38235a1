from gpt2lab.training import TrainConfig
def my_settings():
    return TrainConfig(steps=600, batch_size=32, learning_rate=1e-2, warmup_steps=30, weight_decay=0.01)

check.rope_lab(my_settings)
