#compdef fastio
# SPDX-License-Identifier: MIT

_fastio() {
	local -a verbs variables
	verbs=(
		'run:run a command with the library preloaded'
		'compare:run it stock and preloaded in turn'
		'doctor:what works here and what does not'
		'trace:run it and write a timeline'
		'top:live counters of running preloaded processes'
	)
	variables=(
		'--engine=[who executes in the background]:engine:(auto uring sync off)'
		'--warmup=[files taken as stock first]:number:'
		'--window=[operations queued before the caller helps]:number:'
		'--max-file=[bytes held per file]:number:'
		'--max-pending=[bytes held in all]:number:'
		'--age-us=[microseconds until data of an open file is written]:number:'
		'--lag-us=[microseconds before each batch, for debugging]:number:'
		'--crash=[guarantee after power loss]:guarantee:(strict posix)'
		'--prefetch=[read ahead on slow file systems]:choice:(auto off)'
		'--fsync=[when a sync is done]:when:(strict group)'
		'--log=[where text lines go]:file:_files'
	)
	case $words[2] in
	compare)
		shift words
		((CURRENT--))
		_arguments -S $variables '--runs[pairs of runs]:number:' '--in[directory to copy]:directory:_directories' \
			'--prepare[run before each run]:command:' '*--exclude[paths to leave out]:pattern:' \
			'--json[one JSON object]' '--help[describe this verb]' '*::command:_normal'
		;;
	doctor)
		_arguments '--help[describe this verb]' '*:directory or program:_files'
		;;
	trace)
		shift words
		((CURRENT--))
		_arguments -S $variables '(-o --output)'{-o,--output}'[trace file]:file:_files' \
			'--help[describe this verb]' '*::command:_normal'
		;;
	top)
		_arguments '--once[print totals once]' '--json[print totals as JSON]' \
			'--interval[seconds between two looks]:seconds:' '--help[describe this verb]'
		;;
	run)
		shift words
		((CURRENT--))
		_fastio_run
		;;
	*)
		((CURRENT == 2)) && [[ $words[2] != -* ]] && _describe verb verbs
		_fastio_run '--version[the version]'
		;;
	esac
}

_fastio_run() {
	_arguments -S $variables $@ '--report[print what was done]' '--json[the same as JSON]' \
		'(-o --output)'{-o,--output}'[where the report goes]:file:_files' \
		'--stats=[where statistics lines go]:file:_files' \
		'--help[describe]' '*::command:_normal'
}

_fastio "$@"
