# The command: build/linnet, its man page, and its tests.
file(GLOB LINNET_CLI_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/*.c)
pkg_check_modules(EDIT REQUIRED IMPORTED_TARGET libedit)
add_executable(linnet ${LINNET_CLI_SOURCES})
target_link_libraries(linnet PRIVATE linnet_objects linnet_measure PkgConfig::EDIT m)
set_target_properties(linnet PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
install(TARGETS linnet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${CMAKE_SOURCE_DIR}/docs/man/linnet.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

if(LINNET_TESTS)
    add_test(NAME cli COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli.sh $<TARGET_FILE:linnet>
        ${CMAKE_SOURCE_DIR}/models/shakespeare/shakespeare.lnt ${CMAKE_SOURCE_DIR}/tests/golden/gpt2/tied-f16)
    add_test(NAME cli_texts COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_texts.sh $<TARGET_FILE:linnet>
        ${CMAKE_SOURCE_DIR}/tests/golden/encoders ${CMAKE_SOURCE_DIR}/models/shakespeare/shakespeare.lnt)
    add_test(NAME cli_images COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_images.sh $<TARGET_FILE:linnet>
        ${CMAKE_SOURCE_DIR}/tests/golden ${CMAKE_SOURCE_DIR}/models/shakespeare/shakespeare.lnt)
    add_test(NAME cli_search COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_search.sh $<TARGET_FILE:linnet>
        ${CMAKE_SOURCE_DIR}/models/sentences/sentences.lnt ${CMAKE_SOURCE_DIR}/tests/golden/encoders)
    add_test(NAME cli_hostile COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_hostile.sh $<TARGET_FILE:linnet> ${CMAKE_SOURCE_DIR}/tests/golden/encoders)
    add_test(NAME cli_profile COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_profile.sh $<TARGET_FILE:linnet> ${CMAKE_SOURCE_DIR}/tests/golden
        ${CMAKE_SOURCE_DIR}/models/shakespeare/shakespeare.lnt ${CMAKE_SOURCE_DIR}/models/sentences/sentences.lnt)
    add_test(NAME cli_bench COMMAND ${CMAKE_SOURCE_DIR}/tests/test_cli_bench.sh $<TARGET_FILE:linnet>
        ${CMAKE_SOURCE_DIR}/models/shakespeare/shakespeare.lnt ${CMAKE_SOURCE_DIR}/models/sentences/sentences.lnt
        ${CMAKE_SOURCE_DIR}/models/fashion/fashion.lnt)
endif()
