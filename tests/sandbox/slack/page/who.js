// Which of the people the reader is being.

let cast = [];
let current = sessionStorage.getItem("who") ?? "UCOLLECT";

/** Learn the people; the app itself is none of them. */
export function meet(everybody) {
  cast = everybody.filter((one) => !one.is_bot);
}

/** Everybody one can be. */
export function people() {
  return cast;
}

/** The user id of the person one is. */
export function me() {
  return current;
}

/** Be somebody else. */
export function become(id) {
  current = id;
  sessionStorage.setItem("who", id);
}
