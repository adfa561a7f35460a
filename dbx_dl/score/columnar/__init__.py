"""Delta to Delta scoring in which no row passes through the JVM: workers read and write data files themselves."""
