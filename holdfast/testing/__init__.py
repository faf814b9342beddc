"""Hold every kind to the same laws: suites that authors of new kinds import too."""
