@rem The scripts in package.json begin with exec, so that a signal to npm reaches us and not a shell between. cmd.exe has none.
@%*
