// Who and what an id stands for.

let known = new Map();
let rooms = [];

/** Learn the people and channels of the workspace. */
export function learn(slack) {
  rooms = slack.channels.filter((one) => !one.user);
  known = new Map([
    ...slack.people.map((one) => [one.id, one.real_name]),
    ...slack.channels.map((one) => [one.id, one.name]),
  ]);
}

/** The channels, without direct messages. */
export function channels() {
  return rooms;
}

/** The name behind an id, or undefined. */
export function name(id) {
  return known.get(id);
}
