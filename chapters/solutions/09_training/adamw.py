def my_adamw(theta, gradient, m, v, t, lr, betas, eps, decay):
    m = betas[0] * m + (1 - betas[0]) * gradient
    v = betas[1] * v + (1 - betas[1]) * gradient**2
    m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
    theta = theta - lr * (m_hat / (v_hat.sqrt() + eps) + decay * theta)
    return theta, m, v

check.adamw(my_adamw)
