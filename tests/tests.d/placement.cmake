atm_test(test_placement USES core solver)
atm_test(test_schedule_build USES core solver)
