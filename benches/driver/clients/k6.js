// One request per iteration; the load comes from the environment.
import http from 'k6/http';

const closed = { executor: 'constant-vus', vus: Number(__ENV.USERS), duration: __ENV.DURATION, gracefulStop: '0s' };
const once = { executor: 'per-vu-iterations', vus: Number(__ENV.USERS), iterations: 1, maxDuration: __ENV.DURATION };
const open = {
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE),
  timeUnit: '1s',
  duration: __ENV.DURATION,
  preAllocatedVUs: Number(__ENV.USERS),
  maxVUs: Number(__ENV.USERS),
};

export const options = {
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)', 'max', 'count'],
  scenarios: { load: { closed, once, open }[__ENV.LOAD] },
};

export default function () {
  http.get(__ENV.URL);
}
