var accent = "#08c";
