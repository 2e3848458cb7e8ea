# Calls that fail, signals, and files that change under the command.
if(NOT CMAKE_CROSSCOMPILING)
    add_executable(io_faults ${CMAKE_CURRENT_LIST_DIR}/io.c ${CMAKE_CURRENT_LIST_DIR}/io_cases.c ${CMAKE_CURRENT_LIST_DIR}/io_inject.c
                   ${CMAKE_CURRENT_LIST_DIR}/io_look.c)
    target_include_directories(io_faults PRIVATE ${CMAKE_SOURCE_DIR})
    add_test(NAME io_faults COMMAND io_faults $<TARGET_FILE:linnet> ${CMAKE_SOURCE_DIR})
    set_tests_properties(io_faults PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 3600 LABELS once)
endif()
add_test(NAME io_full COMMAND ${CMAKE_CURRENT_LIST_DIR}/io_full.sh $<TARGET_FILE:linnet> ${CMAKE_SOURCE_DIR})
set_tests_properties(io_full PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS once)
if(NOT LINNET_SANITIZE) # which take more memory than the group has
    add_test(NAME cgroup COMMAND ${CMAKE_CURRENT_LIST_DIR}/cgroup.sh $<TARGET_FILE:linnet> ${CMAKE_SOURCE_DIR})
    set_tests_properties(cgroup PROPERTIES SKIP_RETURN_CODE 77 LABELS once)
endif()
