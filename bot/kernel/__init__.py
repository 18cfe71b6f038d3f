"""The batch kernel: the detector's own arithmetic over arrays, for calibration and sweeps."""
