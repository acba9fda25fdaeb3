"""The study note's programs that a machine may lack: kubectl's plug-ins, and answers for what cannot work here.

The note installs plug-ins by krew, which downloads them. These are the lab's own, with the arguments, columns and
answers of the real ones, so that the note's lines work offline and as typed. Whatever the user has of the same name
comes first. Each call is a process of its own and imports little, so that it takes no longer than kubectl.
"""
