# SPDX-License-Identifier: MIT
# bash completion for fastio

_fastio_options() {
	local variables='--engine --warmup --window --max-file --max-pending --age-us --lag-us --crash --fsync --prefetch --log'
	case $1 in
	run) echo "--report --json --output $variables --stats --help" ;;
	compare) echo "--runs --in --prepare --exclude --json $variables --help" ;;
	trace) echo "--output $variables --help" ;;
	top) echo '--once --json --interval --help' ;;
	doctor) echo '--help' ;;
	esac
}

_fastio() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=run i=1
	COMPREPLY=()
	case ${COMP_WORDS[1]-} in
	run | compare | doctor | trace | top)
		verb=${COMP_WORDS[1]}
		i=2
		;;
	esac
	# the command's own words begin at the first that is no option and no option's value
	while ((i < COMP_CWORD)); do
		case ${COMP_WORDS[i]} in
		--)
			i=$((i + 1))
			break
			;;
		--report | --json | --once | --help | --*=*) ;;
		-*) i=$((i + 1)) ;;
		*) break ;;
		esac
		i=$((i + 1))
	done
	if ((i < COMP_CWORD)) && [[ $verb != doctor ]]; then
		if declare -F _command_offset >/dev/null; then
			_command_offset "$i"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		return
	fi
	case $prev in
	--engine)
		mapfile -t COMPREPLY < <(compgen -W 'auto uring sync off' -- "$cur")
		return
		;;
	--crash)
		mapfile -t COMPREPLY < <(compgen -W 'strict posix' -- "$cur")
		return
		;;
	--fsync)
		mapfile -t COMPREPLY < <(compgen -W 'strict group' -- "$cur")
		return
		;;
	--prefetch)
		mapfile -t COMPREPLY < <(compgen -W 'auto off' -- "$cur")
		return
		;;
	--in)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-o | --output | --log | --stats)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_fastio_options "$verb") $( ((COMP_CWORD > 1)) || echo --version)" -- "$cur")
	elif [[ $verb == doctor ]]; then
		mapfile -t COMPREPLY < <(compgen -A file -A command -- "$cur" | sort -u)
	elif ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(
			compgen -W 'run compare doctor trace top' -- "$cur"
			compgen -A command -- "$cur" | sort -u
		)
	else
		mapfile -t COMPREPLY < <(compgen -A command -- "$cur" | sort -u)
	fi
}

complete -o default -F _fastio fastio
