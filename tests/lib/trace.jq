# SPDX-License-Identifier: MIT
#
# trace.jq - is the input a timeline in the Chrome trace format (the JSON array form), as Perfetto reads it?
# Fails with what is wrong and the first event that it is wrong with.

def all_events(which; ok; complaint):
	([.[] | select(which) | select(ok | not)] | first) as $bad
	| if $bad then error("\(complaint): \($bad)") else . end;

if type != "array" or length == 0 then error("not an array of events") else . end

# what every event has
| all_events(true; (.name | type == "string" and length > 0) and (.ph | type == "string")
	and (.pid | type == "number") and (.tid | type == "number") and (.ts | type == "number" and . >= 0);
	"name, ph, pid, tid or ts is missing or of a wrong type")
| all_events(true; .ph as $ph | ["X", "i", "M"] | index($ph); "a phase that is not used here")
| all_events(true; (.args // {}) | type == "object"; "args is no object")
| all_events(.ph != "M"; .cat | type == "string"; "no category")

# complete events, instants, metadata
| all_events(.ph == "X"; .dur | type == "number" and . > 0; "a complete event without a duration")
| all_events(.ph == "i"; .s == "t"; "an instant without its scope")
| all_events(.ph == "M" and .pid != 0; (.name == "process_name" or .name == "thread_name")
	and (.args.name | type == "string"); "metadata that names nothing")

# every process and track has a name
| (map(select(.name == "thread_name") | [.pid, .tid] | tojson) | unique) as $tracks
| (map(select(.name == "process_name") | .pid) | unique) as $processes
| all_events(.ph != "M"; [.pid, .tid] | tojson | IN($tracks[]); "on a track without a name")
| all_events(.ph != "M"; .pid | IN($processes[]); "of a process without a name")

# what is carried out on one track comes one after the other
| ([.[] | select(.ph == "X" and .cat == "executed")] | group_by([.pid, .tid]) | map(sort_by(.ts))
	| map([., .[1:]] | transpose | map(select(.[1] != null and .[0].ts + .[0].dur > .[1].ts + 0.01))) | add) as $over
| if $over | length > 0 then error("overlapping operations on one track: \($over[0])") else . end

# what a thread does at the same time lies one in the other: viewers leave out what overlaps
| ([.[] | select(.ph == "X")] | group_by([.pid, .tid]) | map(
	reduce sort_by([.ts, -.dur])[] as $e ({open: [], bad: []};
		($e.ts + $e.dur) as $until
		| .open = [.open[] | select(. > $e.ts + 0.002)]
		| if any(.open[]; $until > . + 0.002) then .bad += [$e] else . end
		| .open += [$until]) | .bad[]) | first) as $crossing
| if $crossing then error("not inside what it begins in: \($crossing)") else . end
| length
