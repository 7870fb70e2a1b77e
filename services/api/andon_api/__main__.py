"""`python -m andon_api` serves the REST API and the console."""

import gc

if __name__ == "__main__":
    gc.disable()  # until it serves: to look for garbage among what is imported would take a quarter of its start
    from andon_api.bootstrap import main

    main()
