# SPDX-License-Identifier: MIT
# fish completion for fastio

set -l verbs run compare doctor trace top

complete -c fastio -n __fish_use_subcommand -a run -d 'Run a command with the library preloaded'
complete -c fastio -n __fish_use_subcommand -a compare -d 'Run it stock and preloaded in turn'
complete -c fastio -n __fish_use_subcommand -a doctor -d 'What works here and what does not'
complete -c fastio -n __fish_use_subcommand -a trace -d 'Run it and write a timeline'
complete -c fastio -n __fish_use_subcommand -a top -d 'Live counters of running processes'
complete -c fastio -n __fish_use_subcommand -x -a '(__fish_complete_subcommand)'
complete -c fastio -n __fish_use_subcommand -l version -d 'The version'
complete -c fastio -l help -d 'Describe the verb'

set -l running "not __fish_seen_subcommand_from compare doctor top"
complete -c fastio -n "$running" -s o -l output -r -d 'Where the report or trace goes'
complete -c fastio -n "not __fish_seen_subcommand_from doctor trace" -l json -d 'As JSON'
complete -c fastio -n "not __fish_seen_subcommand_from compare doctor trace top" -l report -d 'Print what was done'
complete -c fastio -n "not __fish_seen_subcommand_from compare doctor trace top" -l stats -r -d 'Where statistics lines go'

set -l variables "not __fish_seen_subcommand_from doctor top"
complete -c fastio -n "$variables" -l engine -x -a 'auto uring sync off' -d 'Who executes in the background'
complete -c fastio -n "$variables" -l warmup -x -d 'Files taken as stock first'
complete -c fastio -n "$variables" -l window -x -d 'Operations queued before the caller helps'
complete -c fastio -n "$variables" -l max-file -x -d 'Bytes held per file'
complete -c fastio -n "$variables" -l max-pending -x -d 'Bytes held in all'
complete -c fastio -n "$variables" -l age-us -x -d 'Microseconds until data of an open file is written'
complete -c fastio -n "$variables" -l lag-us -x -d 'Microseconds before each batch, for debugging'
complete -c fastio -n "$variables" -l crash -x -a 'strict posix' -d 'Guarantee after power loss'
complete -c fastio -n "$variables" -l fsync -x -a 'strict group' -d 'When a sync is done'
complete -c fastio -n "$variables" -l prefetch -x -a 'auto off' -d 'Read ahead on slow file systems'
complete -c fastio -n "$variables" -l log -r -d 'Where text lines go'

complete -c fastio -n '__fish_seen_subcommand_from compare' -l runs -x -d 'Pairs of runs'
complete -c fastio -n '__fish_seen_subcommand_from compare' -l in -x -a '(__fish_complete_directories)' -d 'Directory to copy'
complete -c fastio -n '__fish_seen_subcommand_from compare' -l prepare -x -d 'Run before each run'
complete -c fastio -n '__fish_seen_subcommand_from compare' -l exclude -x -d 'Paths to leave out'
complete -c fastio -n '__fish_seen_subcommand_from doctor' -F
complete -c fastio -n '__fish_seen_subcommand_from top' -l once -d 'Print totals once'
complete -c fastio -n '__fish_seen_subcommand_from top' -l interval -x -d 'Seconds between two looks'
