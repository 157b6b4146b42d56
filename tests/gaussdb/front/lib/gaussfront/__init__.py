"""Makes a PostgreSQL look like an openGauss, as far as its documentation and source tell: no openGauss can be had to test with."""
