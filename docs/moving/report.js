import http from 'k6/http';
import { check, sleep } from 'k6';

export const options = {
  stages: [
    { duration: '30s', target: 20 },
    { duration: '1m', target: 20 },
    { duration: '10s', target: 0 },
  ],
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<500'],
    checks: ['rate>0.99'],
  },
};

export default function () {
  const answer = http.get(`${__ENV.BASE_URL}/analytics`, {
    headers: { Authorization: `Bearer ${__ENV.TOKEN}` },
    tags: { name: 'report' },
  });
  check(answer, {
    'status is 200': (r) => r.status === 200,
    'has rows': (r) => r.body.includes('visits'),
  });
  sleep(1);
}
