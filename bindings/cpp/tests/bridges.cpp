// bridges RULES OWNER [ADDRESS [OPTION=VALUE...]]
//
// A server that passes on what the server at OWNER has, for tests/run/clients/bridges_peer.py. Prints its address, and ends with its
// stdin.
#include <rpyc.hpp>

#include <iostream>

int main(int argc, char **argv) {
    try {
        const std::string rules = argc > 1 ? argv[1] : "default";
        rpyc::Config config{{"sync_request_timeout", "20"}};
        if (rules != "default") {
            config.set(rules == "all" ? "allow_all_attrs" : "allow_public_attrs", true);
            for (const char *option : {"allow_setattr", "allow_delattr", "allow_pickle"})
                config.set(option, true);
        }
        for (int i = 4; i < argc; i++) {
            const std::string option = argv[i];
            config.set(option.substr(0, option.find('=')), option.substr(option.find('=') + 1));
        }
        const auto owner = rpyc::connect(argc > 2 ? argv[2] : "", config);
        rpyc::Service service("MiddleService");
        service.expose("ask", [&](const rpyc::Args &args) { return owner.root().attr("ask")(args); });
        const rpyc::Server server(argc > 3 ? argv[3] : "tcp://127.0.0.1:0", service, config);
        server.start();
        std::cout << "listening " << server.address() << std::endl;
        while (std::cin.get() != std::istream::traits_type::eof())
            continue;
        server.stop();
        server.join();
    } catch (const std::exception &failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
