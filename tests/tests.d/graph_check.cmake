atm_test(test_graph_check USES core PRIVATE PkgConfig::JANSSON)
