atm_test(test_async USES solver core)
