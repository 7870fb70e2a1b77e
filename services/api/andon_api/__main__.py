"""`python -m andon_api` serves the REST API and the console."""

from andon_api.bootstrap import main

if __name__ == "__main__":
    main()
