"""The normal distribution as graph operations: its share below a value, and the value below which a share lies."""

from __future__ import annotations

from collections.abc import Sequence

from stockflow.compiler.graph import Graph

# Hart's rational function in the form of West, Better approximations to cumulative normal functions (2005)
_ABOVE = (
    *(220.206867912376, 221.213596169931, 112.079291497871, 33.912866078383),
    *(6.37396220353165, 0.700383064443688, 3.52624965998911e-02),
)
_BELOW = (
    *(440.413735824752, 793.826512519948, 637.333633378831, 296.564248779674),
    *(86.7807322029461, 16.064177579207, 1.75566716318264, 8.83883476483184e-02),
)
_TAIL = 7.07106781186547
# Wichura, Algorithm AS 241 (1988): numerators and denominators for the middle, the sides and the tails
_MIDDLE = (
    (
        *(3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4),
        *(4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    ),
    (
        *(1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3),
        *(2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
    ),
)
_SIDE = (
    (
        *(1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0),
        *(1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    ),
    (
        *(1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1),
        *(1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
    ),
)
_FAR = (
    (
        *(6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1),
        *(2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    ),
    (
        *(1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2),
        *(7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
    ),
)


def share(graph: Graph, x: int) -> int:
    """Return the share of a standard normal distribution below x, within 1e-15."""
    apply, number = graph.apply, graph.constant
    size = apply("abs", x)
    density = apply("exp", apply("mul", number(-0.5), apply("mul", size, size)))
    near = apply("div", apply("mul", density, graph.polynomial(size, _ABOVE)), graph.polynomial(size, _BELOW))
    fraction = apply("add", size, number(0.65))
    for term in (4.0, 3.0, 2.0, 1.0):
        fraction = apply("add", size, apply("div", number(term), fraction))
    far = apply("div", density, apply("mul", fraction, number(2.506628274631)))
    tail = apply("select", apply("lt", size, number(_TAIL)), near, far)
    tail = apply("select", apply("lt", number(37.0), size), number(0.0), tail)
    return apply("select", apply("lt", number(0.0), x), apply("sub", number(1.0), tail), tail)


def quantile(graph: Graph, p: int) -> int:
    """Return the value below which a share of the standard normal distribution lies, within 1e-15."""
    apply, number = graph.apply, graph.constant

    def ratio(parts: tuple[Sequence[float], Sequence[float]], at: int) -> int:
        return apply("div", graph.polynomial(at, parts[0]), graph.polynomial(at, parts[1]))

    offset = apply("sub", p, number(0.5))
    inner = apply("sub", number(0.180625), apply("mul", offset, offset))
    middle = apply("mul", offset, ratio(_MIDDLE, inner))
    least = apply("min", p, apply("sub", number(1.0), p))
    depth = apply("sqrt", apply("neg", apply("log", least)))
    side = ratio(_SIDE, apply("sub", depth, number(1.6)))
    far = ratio(_FAR, apply("sub", depth, number(5.0)))
    outer = apply("select", apply("lt", number(5.0), depth), far, side)
    outer = apply("select", apply("lt", offset, number(0.0)), apply("neg", outer), outer)
    return apply("select", apply("le", apply("abs", offset), number(0.425)), middle, outer)
