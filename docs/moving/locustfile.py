from locust import HttpUser, task, between

class Chatter(HttpUser):
    weight = 3
    wait_time = between(1, 3)

    @task
    def chat(self):
        body = {"model": "gpt-4o-mini", "stream": True,
                "messages": [{"role": "user", "content": "Hello"}]}
        with self.client.post("/v1/chat/completions", json=body, stream=True,
                              catch_response=True) as answer:
            for line in answer.iter_lines():
                pass
            if answer.status_code in (200, 429):
                answer.success()

class Watcher(HttpUser):
    weight = 1
    wait_time = between(5, 10)

    @task
    def dashboard(self):
        self.client.get("/analytics", params={"page": 1}, name="dashboard")
